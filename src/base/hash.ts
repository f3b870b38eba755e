/**
 * Which of 10,000 slots a user falls into.
 *
 * The slot decides which version a user sees, so it must be the same on every worker, instance and release: the function
 * below is a contract and may not change. It must also be even (a share of 5 % has to be 5 % of the users) and
 * unrelated between salts (who is first in one canary must not be first in every canary).
 *
 * It is MurmurHash3, x86 32-bit (Austin Appleby, public domain), over the text's UTF-16 code units in pairs, run
 * over salt, a separator and user. Scaled down by multiplication: 2^32 / 10,000 leaves some slots with one hash value more than
 * others, a difference of 1 in 429,496.
 */
const SLOTS = 10_000;

/** Between salt and user: without it ("ab", "c") and ("a", "bc") would be the same text. */
const SEPARATOR = 0x1f;

/** 0 to 9,999. */
export function slotOf(salt: string, user: string): number {
  const salted = finalize(mixText(mixUnit(mixText(0, salt), SEPARATOR), user), salt.length + user.length + 1);
  return Math.floor((salted / 2 ** 32) * SLOTS);
}

/** 32 well-mixed bits of a text. */
export function hash32(text: string, seed = 0): number {
  return finalize(mixText(seed, text), text.length);
}

function mixText(seed: number, text: string): number {
  let hash = seed;
  const pairsEnd = text.length & ~1;
  for (let i = 0; i < pairsEnd; i += 2) hash = mixUnit(hash, text.charCodeAt(i) | (text.charCodeAt(i + 1) << 16));
  return pairsEnd === text.length ? hash : mixUnit(hash, text.charCodeAt(pairsEnd));
}

function mixUnit(hash: number, unit: number): number {
  let k = Math.imul(unit, 0xcc9e2d51);
  k = (k << 15) | (k >>> 17);
  const mixed = hash ^ Math.imul(k, 0x1b873593);
  return (Math.imul((mixed << 13) | (mixed >>> 19), 5) + 0xe6546b64) | 0;
}

function finalize(hash: number, length: number): number {
  let mixed = hash ^ length;
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}
