# Completion of apusctl's verbs, words and options for bash; the server's commands behind `rpc` come from the running server.
_apusctl() {
    local IFS=$'\n'
    # Colons part words for readline, and commands have none: the words as they stand are what apusctl wants.
    COMPREPLY=($("${COMP_WORDS[0]}" --timeout 1 __complete -- "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
}
complete -o default -F _apusctl apusctl serctl sc kamctl
