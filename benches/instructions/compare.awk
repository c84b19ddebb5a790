# The budget, then what is counted now: one line per capture, and of one beyond its budget the groups that grew most.

BEGIN { FS = "\t"; slack = 0.03 }
FNR == NR && /^# compiler: / { made_with = substr($0, 13) }
/^#/ { next }
FNR == NR { budget[$1, $2] = $3; next }
$2 == "all" { captures[++n] = $1 }
{ now[$1, $2] = $3; groups[$1] = groups[$1] $2 "\t" }

END {
    if (made_with != compiler) {
        slack = 0.10
        printf "instructions: the budget is of %s, this is %s: 10 %% of slack\n", made_with, compiler
    }
    for (i = 1; i <= n; i++) bad += judge(captures[i])
    if (!n) { print "instructions: nothing was counted"; bad = 1 }
    exit bad ? 1 : 0
}

function judge(name,    allowed, is, change) {
    allowed = budget[name, "all"]
    is = now[name, "all"]
    if (!allowed) { printf "instructions: %s: %.0f for a packet, and no budget; run count.sh --update\n", name, is; return 1 }
    change = is / allowed - 1
    printf "instructions: %s: %.0f for a packet, budget %.0f (%+.1f %%)", name, is, allowed, 100 * change
    if (change > slack) { printf ": TOO MANY; grown most:\n"; grown(name); return 1 }
    print (change < -slack ? ": lower the budget, run count.sh --update" : "")
    return 0
}

# The three groups that grew most.
function grown(name,    list, count, i, round, most, by) {
    count = split(groups[name], list, "\t")
    for (round = 1; round <= 3; round++) {
        most = 0
        for (i = 1; i <= count; i++) {
            if (list[i] == "all" || list[i] == "") continue
            by = now[name, list[i]] - budget[name, list[i]]
            if (by > 0 && (!most || by > now[name, list[most]] - budget[name, list[most]])) most = i
        }
        if (!most) return
        printf "  %s: %.0f, budget %.0f\n", list[most], now[name, list[most]], budget[name, list[most]]
        list[most] = ""
    }
}
