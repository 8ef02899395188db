import { arena, Bytes } from "../sdk";

/** By bit of `response.flags` (Envoy's `CoreResponseFlag`), as `%RESPONSE_FLAGS%` writes them. */
const NAMES = Bytes.of("LH,UH,UT,LR,UR,UF,UC,UO,NR,DI,FI,RL,UAEX,RLSE,DC,URX,SI,IH,DPE,UMSDR,RFCF,NFCF,DT,UPE,NC,OM,DF,DO,DR,UDO");
const COMMA: u8 = 0x2c;
const NONE = Bytes.of("-");

/** The short names of the flags that are set, with commas between them; `-` for none. A flag that a newer Envoy added is left out. */
export function responseFlags(flags: u64): Bytes {
  if (flags == 0) return NONE;
  const names = NAMES;
  const start = arena.allocate(<usize>names.length + 1);
  let at = start;
  let from = 0;
  for (let rest = flags; rest != 0 && from <= names.length; rest >>= 1) {
    const comma = names.indexOf(COMMA, from);
    const to = comma < 0 ? names.length : comma;
    if (rest & 1) {
      if (at != start) store<u8>(at++, COMMA);
      memory.copy(at, names.pointer + <usize>from, <usize>(to - from));
      at += <usize>(to - from);
    }
    from = to + 1;
  }
  return at == start ? NONE : Bytes.view(start, <i32>(at - start));
}
