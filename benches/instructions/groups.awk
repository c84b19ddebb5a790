# Two outputs of cachegrind, without packets and with: name, group of functions, instructions for a packet. A group is a room of
# the program, another crate, or what is written in C and assembly. Less than one instruction is not listed.

FNR == 1 { sign = NR == 1 ? -1 : 1 }
/^fn=/ { group = group_of(substr($0, 4)) }
/^[0-9]/ { sum[group] += sign * $2; sum["all"] += sign * $2 }
END { for (group in sum) if (sum[group] / packets >= 1) printf "%s\t%s\t%.1f\n", name, group, sum[group] / packets }

function group_of(function_name,    path) {
    gsub(/[<&]|mut |dyn /, "", function_name)
    sub(/^[^:]* as /, "", function_name)
    if (function_name !~ /::/) return "c"
    split(function_name, path, "::")
    return path[1] == "borderflow" ? path[2] : path[1]
}
