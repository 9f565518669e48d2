/**
 * The POSIX shell script that stands between us and a nats-server, so that the server ends when we do, however we end:
 * it holds the reading end of a pipe whose only writing end is ours, and an end of file there means that we stopped the
 * server or are gone. It runs in a session of its own, out of reach of a terminal's Ctrl-C.
 *
 * Arguments: the folder to remove at the end, how many seconds the server gets between TERM and KILL, and the command.
 * Writes the server's process id to its standard output; the server's own output goes to standard error. Ends after the
 * server with its code, or 128 + the number of the signal that ended it.
 */
export const natsServerGuard = `
scratch=$1 grace=$2
shift 2
exec 3<&0 </dev/null
trap 'kill -TERM "$server"; again=yes' HUP INT TERM
# A background command reads /dev/null, hence descriptor 3 for the pipe; the server must not hold it.
"$@" >&2 3<&- &
server=$!
echo "$server"
(
  trap - HUP INT TERM
  while read -r _ <&3; do :; done
  sleep "$grace" &
  nap=$!
  trap 'kill "$nap"; exit' TERM
  kill -TERM "$server" && wait "$nap" && kill -KILL "$server"
) >/dev/null 2>&1 &
watcher=$!
exec 3<&- >/dev/null
again=yes
while [ "$again" = yes ]; do
  again=no # a signal to the guard ends the wait before the server has ended
  wait "$server"
  status=$?
done
kill "$watcher" 2>/dev/null && wait "$watcher"
rm -rf "$scratch"
exit "$status"
`;
