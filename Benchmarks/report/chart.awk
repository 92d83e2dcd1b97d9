# For the eye: an SVG with a bar of each server in each scenario, user time and system time in two shades. Kamailio as installed is left to the table:
# beside its bars the others would be dots.

function escaped(text) {
    gsub(/&/, "\\&amp;", text)
    gsub(/</, "\\&lt;", text)
    return text
}

function text(x, y, anchor, what) {
    printf "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">%s</text>\n", x, y, anchor, escaped(what)
}

function bar(x, y, width, colour, shade) {
    printf "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%d\" fill=\"%s\" fill-opacity=\"%s\"/>\n", x, y, width, thick, colour, shade
}

# What a server spends in a scenario, in parts of the longest bar of all servers there.
function bars(scenario, y,   i, s, longest, total, user) {
    longest = 0
    for (i = 1; i <= servers; i++) if (summarize(scenario, name[i], "total") && middle > longest) longest = middle
    for (i = 1; i <= servers; i++) {
        s = name[i]
        if (!summarize(scenario, s, "total")) continue
        total = middle
        summarize(scenario, s, "user")
        user = middle
        text(left - 8, y + thick - 3, "end", s)
        bar(left, y, wide * user / longest, colour[s], 1)
        bar(left + wide * user / longest, y, wide * (total - user) / longest, colour[s], 0.45)
        text(left + wide * total / longest + 6, y + thick - 3, "start", sprintf("%.1f µs", total))
        y += thick + 3
    }
    return y
}

END {
    count = servers
    servers = 0
    for (i = 1; i <= count; i++) if (name[i] != "kamailio") name[++servers] = name[i]
    thick = 14; left = 190; wide = 520
    colour["apus"] = "#1f6fb4"; colour["kamailio-tlsf"] = "#c8702a"; colour["bare"] = "#777777"
    height = 54 + scenarios * (servers * (thick + 3) + 30)
    printf "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 800 %d\" font-family=\"sans-serif\" font-size=\"12\" fill=\"#222\">\n", height
    printf "<rect width=\"800\" height=\"%d\" fill=\"#fff\"/>\n", height
    text(16, 20, "start", "Processor time per transaction: user (dark) and system (light); each scenario to its own scale")
    text(16, 36, "start", machine)
    y = 64
    for (i = 1; i <= scenarios; i++) {
        printf "<g font-weight=\"bold\">"
        text(16, y, "start", known_as[i])
        printf "</g>"
        at_bar = y + 6
        y = bars(known_as[i], at_bar) + 24
    }
    print "</svg>"
}
