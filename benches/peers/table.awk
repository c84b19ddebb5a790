# results.tsv of compare.sh as Markdown. Columns: table, contestant, wall, user and system seconds, most resident KiB, of these
# the program's own, exit status, what was found.

function median(values, n,    i, j, swap) {
    for (i = 2; i <= n; i++)
        for (j = i; j > 1 && values[j] + 0 < values[j - 1] + 0; j--) {
            swap = values[j]; values[j] = values[j - 1]; values[j - 1] = swap
        }
    return n % 2 ? values[(n + 1) / 2] : (values[n / 2] + values[n / 2 + 1]) / 2
}

# The median of one column of what was measured.
function of(table, name, column,    values, i, n) {
    n = runs[table, name]
    for (i = 1; i <= n; i++) values[i] = measured[table, name, column, i]
    return median(values, n)
}

function cpu(table, name) { return of(table, name, "cpu") }
function base(table) { return (table, "loop") in runs ? cpu(table, "loop") : 0 }
function ratio(value, table) { return base(table) ? sprintf("%.2f", value / base(table)) : "–" }

function goal(what, table, value, most, name) {
    if (value == "" || name != "" && (table, name) in failed) {
        printf "| %s | %.2f | – | failed |\n", what, most
        return
    }
    printf "| %s | %.2f | %.2f | %s |\n", what, most, value, (value <= most ? "met" : "missed")
}

function titled(name) {
    if (name == "borderflow") return "**borderflow**"
    if (name == "borderflow-2") return "**borderflow --threads 2**"
    if (name == "borderflow-flows") return "**borderflow --flows**"
    if (name ~ /^borderflow-room/) return "**borderflow**"
    if (name == "loop") return "libpcap loop"
    return name
}

{
    if (!(($1, $2) in runs)) {
        if (!($1 in size)) tables[++count] = $1
        order[$1, ++size[$1]] = $2
    }
    n = ++runs[$1, $2]
    measured[$1, $2, "wall", n] = $3
    measured[$1, $2, "user", n] = $4
    measured[$1, $2, "cpu", n] = $4 + $5
    measured[$1, $2, "resident", n] = $6
    measured[$1, $2, "own", n] = $7
    if ($8 != 0) failed[$1, $2] = $8
    found[$1, $2] = $9
    if ($2 == "loop") packets[$1] = $9 + 0
}

function section(table,    i, name, n) {
    printf "\n### %s: %d packets\n\n", table, packets[table]
    print "| | wall ÷ loop's CPU | CPU ÷ loop's CPU | wall s | CPU s | CPU ns a packet | own memory MiB | resident MiB | found |"
    print "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | --- |"
    for (i = 1; i <= size[table]; i++) {
        name = order[table, i]
        printf "| %s | %s | %s | %.2f | %.2f | %s | %.0f | %.0f | %s |\n", titled(name),
            ratio(of(table, name, "wall"), table), ratio(cpu(table, name), table), of(table, name, "wall"), cpu(table, name),
            packets[table] ? sprintf("%.0f", cpu(table, name) / packets[table] * 1e9) : "–",
            of(table, name, "own") / 1024, of(table, name, "resident") / 1024,
            (table, name) in failed ? "ended with status " failed[table, name] : found[table, name]
    }
}

function goals(    i, table, name, per, per_least, own, own_fewest, fewest) {
    print "\n### Goals\n\n| | goal | measured | |\n| --- | ---: | ---: | --- |"
    for (i = 1; i <= count; i++) {
        table = tables[i]
        if (!base(table)) continue
        if ((table, "borderflow") in runs && table != "flood")
            goal(table ": wall ÷ loop's CPU", table, of(table, "borderflow", "wall") / base(table), 1.0, "borderflow")
        if ((table, "borderflow-2") in runs)
            goal(table ", --threads 2: wall ÷ loop's CPU", table, of(table, "borderflow-2", "wall") / base(table), 0.65, "borderflow-2")
        if ((table, "borderflow-flows") in runs)
            goal(table ", --flows: wall ÷ loop's CPU", table, of(table, "borderflow-flows", "wall") / base(table), 2.0, "borderflow-flows")
    }
    if (("small", "borderflow") in runs) {
        goal("small: CPU ns a packet", "small", cpu("small", "borderflow") / packets["small"] * 1e9, 90, "borderflow")
        goal("small: own memory, MB", "small", of("small", "borderflow", "own") * 1024 / 1e6, 300, "borderflow")
    }
    for (i = 1; i <= count; i++) {
        table = tables[i]
        name = "borderflow-room-" (table + 0)
        if (!((table, name) in runs) || !packets[table]) continue
        per = of(table, name, "user") / packets[table]
        own = of(table, name, "own") * 1024
        if (!per_least) { per_least = per; fewest = table + 0; own_fewest = own; continue }
        goal(sprintf("own memory a flow, bytes, from %d to %s", fewest, table), table, (own - own_fewest) / (table + 0 - fewest), 256)
        goal(sprintf("user time a packet at %s ÷ at fewest (%.0f and %.0f ns)", table, per * 1e9, per_least * 1e9), table, per / per_least, 1.5)
    }
    if (("flood", "borderflow") in runs && packets["flood"]) {
        per = packets["flood"] / of("flood", "borderflow", "wall") / 1e6
        printf "| new flows, million a second (at least) | 2.00 | %.2f | %s |\n", per, (per >= 2 ? "met" : "missed")
    }
}

END {
    for (t = 1; t <= count; t++) section(tables[t])
    goals()
}
