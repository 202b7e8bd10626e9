/** Bytes that are asked for, and proven by their SHA-256, at a time. */
export const PART_BYTES = 4 << 20
/** Where a part may be gone on with. */
export const BLOCK_BYTES = 65_536
const BLOCKS = PART_BYTES / BLOCK_BYTES

/** What the scripts below run besides the shell itself, which may be any POSIX sh: from GNU's coreutils or busybox. */
const TOOLS = 'stat head dd od sha256sum'

/** Length of the beginning of a checkpoint that is looked at, as MAX_SIDECAR_BYTES. */
const SIDECAR = 256

/**
 * Lists a WAL, or a folder of them. Arguments: the path, or '' for that of the pod's own OBLETH_WAL_PATH, or for the last
 * argument where that is not set. What is said are pairs that end with NUL bytes, a word with what it says, and a path; the
 * last one is `end`, so that a listing that is cut is known. In each folder checkpoints are read first: what is appended to
 * a file afterwards must not seem acknowledged. Links to folders are named and not followed.
 */
export const LIST = `LC_ALL=C; export LC_ALL
say() { printf '%s\\000%s\\000' "$1" "$2"; }
for t in ${TOOLS}; do command -v $t >/dev/null 2>&1 || { say lacks $t; say end ''; exit; }; done
look() {
  for f do case $f in *.offset|*.offset.gz|*.offset.zst)
    if [ -f "$f" ] && [ -r "$f" ]; then say "mark $(head -c ${SIDECAR} "$f" | od -An -v -tx1)" "$f"; fi;; esac; done
  for f do
    if [ ! -e "$f" ]; then if [ -L "$f" ]; then say gone "$f"; fi
    elif ! s=$(stat -L -c '%d:%i %s %Y' "$f" 2>/dev/null); then say gone "$f"
    elif [ -d "$f" ]; then
      if [ -L "$f" ]; then say "link $s" "$f"
      elif [ -r "$f" ] && [ -x "$f" ]; then say "dir $s" "$f"; look "$f"/* "$f"/.[!.]* "$f"/..?*
      else say denied "$f"; fi
    elif [ ! -f "$f" ]; then say other "$f"
    elif [ ! -r "$f" ]; then say denied "$f"
    else say "file $s" "$f"; fi
  done
}
p=\${1:-$OBLETH_WAL_PATH}; p=\${p:-$2}; p=\${p%.segments}
case $p in /*) ;; *) p=$PWD/$p;; esac
d=\${p%/*}/
if [ -d "$p" ]; then
  say folder "$p"
  if [ -r "$p" ] && [ -x "$p" ]; then look "$p"/* "$p"/.[!.]* "$p"/..?*; else say denied "$p"; fi
else
  say wal "$p"
  if [ ! -d "$d" ]; then say absent "$d"
  elif [ -r "$d" ] && [ -x "$d" ]; then look "$p" "$p".*
  else say denied "$d"; fi
fi
say end ''`

/**
 * Answers requests until its input ends, a line each: blocks that the part begins behind, bytes of the part, blocks of it
 * that have come, path as `printf %b` takes it. An answer is a line, `part <bytes> <SHA-256>` of the part as it is there,
 * and then what has not come of it, or `gone`, or `denied`. The hash is taken first, so that a file that is deleted between
 * is only missing; what is open by then can still be read.
 */
export const SERVE = `LC_ALL=C; export LC_ALL
part() {
  case $1 in
    0) head -c "$2" "$f";;
    *) dd if="$f" bs=${BLOCK_BYTES} skip="$1" count=${BLOCKS} | head -c "$2";;
  esac 2>/dev/null
}
while read -r skip most have name; do
  f=$(printf '%b.' "$name"); f=\${f%.}
  if [ ! -f "$f" ]; then echo gone
  elif [ ! -r "$f" ]; then echo denied
  elif s=$(stat -L -c %s "$f" 2>/dev/null); then
    n=$((s - skip * ${BLOCK_BYTES}))
    if [ "$n" -lt 0 ]; then n=0; elif [ "$n" -gt "$most" ]; then n=$most; fi
    h=$(part "$skip" "$n" | sha256sum)
    echo "part $n \${h%% *}"
    n=$((n - have * ${BLOCK_BYTES}))
    if [ "$n" -gt 0 ]; then part $((skip + have)) "$n"; fi
  else echo gone; fi
done`

/** A request for so many `bytes` from `from` on, a multiple of PART_BYTES, of which `got` have come. */
export function requestOf(path: Uint8Array, from: number, bytes: number, got: number): string {
  let name = ''
  for (const byte of path) {
    const character = String.fromCharCode(byte)
    name += /[A-Za-z0-9/._-]/.test(character) ? character : `\\0${byte.toString(8).padStart(3, '0')}`
  }
  return `${from / BLOCK_BYTES} ${bytes} ${Math.floor(got / BLOCK_BYTES)} ${name}\n`
}
