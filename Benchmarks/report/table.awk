# For people: a table of each scenario.

function spread() { return sprintf("%.2f (%.2f–%.2f)", middle, least, most) }

# printf counts bytes, the terminal characters: a spread holds one three-byte dash
function pad(text, width) { return sprintf("%-" (width + (text ~ /–/ ? 2 : 0)) "s ", text) }

function middle_of(scenario, server, key) { return summarize(scenario, server, key) ? sprintf("%d", middle) : "-" }

function table(scenario,   i, s) {
    printf "%-14s %-20s %-20s %-20s %-18s %-9s %-10s %s\n", "", "user", "system", "total", "ratio to bare", "answers/s", "p50, p99", "pending"
    for (i = 1; i <= servers; i++) {
        s = name[i]
        printf "%-14s ", s
        printf "%s", pad(summarize(scenario, s, "user") ? spread() : "-", 20)
        printf "%s", pad(summarize(scenario, s, "system") ? spread() : "-", 20)
        printf "%s", pad(summarize(scenario, s, "total") ? spread() : "-", 20)
        printf "%s", pad(compare(scenario, s, "bare", "total") ? spread() : "-", 18)
        printf "%s", pad(summarize(scenario, s, "rate") ? sprintf("%d", middle) : "-", 9)
        printf "%s", pad(middle_of(scenario, s, "latency-p50") ", " middle_of(scenario, s, "latency-p99"), 10)
        printf "%s\n", at(scenario, "pending", s, "bytes")
    }
    for (i = 1; i <= servers; i++) {
        s = name[i]
        if (s !~ /^kamailio/ || !present["apus"]) continue
        if (compare(scenario, "apus", s, "user")) printf "apus : %-15s user %s", s, spread()
        if (compare(scenario, "apus", s, "total")) printf ", total %s\n", spread()
    }
}

END { for (i = 1; i <= scenarios; i++) table(known_as[i]) }
