# Reads what Benchmarks/run has measured, and sums it up over the rounds. table.awk, json.awk and chart.awk, each behind this file, show it.
#
# Each line is SCENARIO ROUND SERVER KEY=VALUE..., as sipload prints them. ROUND counts from 1; the keys of the run at a fixed rate begin with `latency-`.
# The round `pending` is what a transaction takes that nobody answers, `counted` the run with allocations counted. -v order="SERVER..." are those that are shown.

function sort(a, n,   i, j, t) {
    for (i = 2; i <= n; i++) { t = a[i]; for (j = i - 1; j > 0 && a[j] > t; j--) a[j + 1] = a[j]; a[j + 1] = t }
}

# Median, least and most over all rounds, in `middle`, `least` and `most`; false when nothing was measured.
function summarize(scenario, server, key,   i, a) {
    for (i = 1; i <= rounds; i++) {
        if (!((scenario, i, server, key) in value)) return 0
        a[i] = value[scenario, i, server, key] + 0
    }
    sort(a, rounds)
    middle = rounds % 2 ? a[(rounds + 1) / 2] : (a[rounds / 2] + a[rounds / 2 + 1]) / 2
    least = a[1]
    most = a[rounds]
    return rounds > 0
}

# The ratio of two servers, round by round.
function compare(scenario, a, b, key,   i, name) {
    name = a "/" b
    for (i = 1; i <= rounds; i++) {
        if (value[scenario, i, b, key] <= 0) return 0
        value[scenario, i, name, key] = value[scenario, i, a, key] / value[scenario, i, b, key]
    }
    return summarize(scenario, name, key)
}

function at(scenario, round, server, key) {
    return (scenario, round, server, key) in value ? value[scenario, round, server, key] : "-"
}

{
    if (!($1 in known)) { known[$1] = 1; known_as[++scenarios] = $1 }
    present[$3] = 1
    if ($2 ~ /^[0-9]+$/ && $2 + 0 > rounds) rounds = $2 + 0
    for (i = 4; i <= NF; i++) { split($i, pair, "="); value[$1, $2, $3, pair[1]] = pair[2] }
}

END { servers = split(order, name, " ") }
