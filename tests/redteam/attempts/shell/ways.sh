#!/bin/sh
# Ways out in shell, where a shell is allowed: everything else holds for it too.
# The last line says what came of it; the status too (0 escaped, 10 held, 20 could not be tried).

escaped() { echo "escaped: $*"; exit 0; }
held() { echo "held: $*"; exit 10; }
cd "$HOME" || exit 20

case "$1" in
cat) text=$(cat "$RT_DATA/by-shell" 2>&1) && escaped "read $text" || held "$text" ;;
list) text=$(ls "$RT_DATA" 2>&1) && escaped "listed it" || held "$text" ;;
redirect) text=$({ echo x > "$RT_DATA/shell-written"; } 2>&1) && escaped "wrote a file" || held "$text" ;;
mv) echo x > rt-mv; text=$(mv rt-mv "$RT_DATA/shell-moved" 2>&1) && escaped "moved a file out" || held "$text" ;;
ln) text=$(ln "$RT_DATA/shell-linked" rt-ln 2>&1 && cat rt-ln) && escaped "read $text" || held "$text" ;;
tar) text=$(tar cf rt.tar -C "$RT_DATA" in-tar 2>&1) && escaped "packed a file" || held "$text" ;;
find) text=$(find /home -name only-to-find 2>/dev/null); [ -n "$text" ] && escaped "found $text" || held "found nothing" ;;
glob) text=$(cd "$RT_DATA" && cat ./by-gl* 2>&1) && escaped "read $text" || held "$text" ;;
kill) text=$(kill -USR1 "$RT_OUTSIDER" 2>&1) && escaped "sent a signal" || held "$text" ;;
ps) cat /proc/*/cmdline 2>/dev/null | tr '\0' ' ' | grep -q "rt-outside[-]marker" && escaped "saw another user's arguments" || held "saw nothing" ;;
environ) text=$(tr '\0' '\n' < "/proc/$RT_OUTSIDER/environ" 2>&1) && escaped "read an environment" || held "$text" ;;
unshare) text=$(unshare -r id -u 2>&1) && [ "$text" = 0 ] && escaped "is root in a namespace" || held "$text" ;;
nsenter) text=$(nsenter -U --preserve-credentials -t "$RT_OUTSIDER_IN_NAMESPACE" true 2>&1) && escaped "entered a namespace" || held "$text" ;;
renice) text=$(renice -n 19 -p "$RT_OUTSIDER" 2>&1) && escaped "made another process slow" || held "$text" ;;
set-user-id) text=$("$RT_HOLE" shadow 2>&1) && escaped "$text" || held "$text" ;;
capability) text=$("$RT_CAPABLE" shadow 2>&1) && escaped "$text" || held "$text" ;;
su) text=$(printf '%s\n' "$RT_BOB_PASSWORD" | su "$RT_BOB_NAME" -c id 2>&1) && escaped "$text" || held "$text" ;;
nohup) nohup bash -c "exec -a $RT_MARK sleep 60" > /dev/null 2>&1 & escaped "left a process" ;;
setsid) setsid -f bash -c "trap '' TERM HUP; exec -a $RT_MARK sleep 60" > /dev/null 2>&1; escaped "left a process" ;;
*) echo "broken: no such way"; exit 20 ;;
esac
