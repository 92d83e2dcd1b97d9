# For programs: everything, as one object of JSON.

function numbers(scenario, server, key) {
    return summarize(scenario, server, key) \
        ? sprintf("\"%s\": {\"median\": %.3f, \"min\": %.3f, \"max\": %.3f}", key, middle, least, most) : ""
}

function single(scenario, round, server, key, called,   v) {
    v = at(scenario, round, server, key)
    return v == "-" ? "" : sprintf("\"%s\": %s", called, v)
}

function member(list, text) { return text == "" ? list : list == "" ? text : list ", " text }

END {
    printf "{\"machine\": \"%s\", \"rounds\": %d, \"unit\": \"microseconds of processor time per transaction\", \"scenarios\": {", machine, rounds
    for (i = 1; i <= scenarios; i++) {
        printf "%s\n  \"%s\": {", (i > 1 ? "," : ""), known_as[i]
        for (j = 1; j <= servers; j++) {
            s = name[j]
            list = member(numbers(known_as[i], s, "user"), numbers(known_as[i], s, "system"))
            list = member(list, numbers(known_as[i], s, "total"))
            list = member(list, numbers(known_as[i], s, "rate"))
            list = member(list, numbers(known_as[i], s, "latency-p50"))
            list = member(list, numbers(known_as[i], s, "latency-p99"))
            list = member(list, single(known_as[i], "pending", s, "bytes", "bytes_pending"))
            list = member(list, single(known_as[i], "counted", s, "allocations", "allocations"))
            list = member(list, single(known_as[i], "counted", s, "retains", "retains"))
            list = member(list, single(known_as[i], "counted", s, "releases", "releases"))
            printf "%s\n    \"%s\": {%s}", (j > 1 ? "," : ""), s, list
        }
        printf "}"
    }
    print "\n}}"
}
