#!/bin/sh
# Tidies up, and shows how far it is: a responder for Otus, see docs/executables.md.
read -r asked

case "$asked" in
*'"type":"describe"'*)
    cat <<'END'
{"type":"description","commands":[{"name":"tidy","pattern":"^tidy (?<room>\\S+)$","usage":"tidy <room>","examples":["tidy attic"],"about":"Tidies a room up.","role":"deployer","effect":"changes","deadline_seconds":20,"arguments":{"room":{"choices":["attic","cellar"]}}}]}
END
    ;;
*'"room":"cellar"'*)
    printf '{"type":"error","text":"The cellar is locked.","instead":["tidy attic"]}\n'
    ;;
*)
    for part in 1 2 3; do
        printf '{"type":"progress","tone":"running","title":"Tidying the attic","text":"%s of 3"}\n' "$part"
    done
    printf '{"type":"progress","tone":"good","title":"The attic is tidy"}\n'
    ;;
esac
