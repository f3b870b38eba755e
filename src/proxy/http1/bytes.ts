/** Byte classes of RFC 9110 and 9112 as tables: one load per byte is the cheapest test there is. */

export const CR = 0x0d;
export const LF = 0x0a;
export const SP = 0x20;
export const TAB = 0x09;
export const COLON = 0x3a;

function table(accepts: (byte: number) => boolean): Uint8Array {
  return Uint8Array.from({ length: 256 }, (_, byte) => (accepts(byte) ? 1 : 0));
}

function isAlphaNumeric(byte: number): boolean {
  return /[0-9A-Za-z]/.test(String.fromCharCode(byte));
}

/** tchar, RFC 9110 section 5.6.2: methods and field names. */
export const TOKEN_BYTE = table(
  (byte) => isAlphaNumeric(byte) || "!#$%&'*+-.^_`|~".includes(String.fromCharCode(byte)),
);

/** TOKEN_BYTE with a second bit for the underscore, so that one pass over a name tells whether it has any. */
export const NAME_BYTE = TOKEN_BYTE.map((value, byte) => (byte === 0x5f ? 3 : value));

/**
 * Bytes of a field value, RFC 9110 section 5.5: visible characters, SP, HTAB and obs-text. Every other control
 * character is refused, not only NUL, CR and LF: some recipient always gives it a meaning.
 */
export const VALUE_BYTE = table((byte) => byte === TAB || (byte >= SP && byte !== 0x7f));

/**
 * Bytes of a request target. Not `#` (a fragment is never sent) and not `\`, which some recipients read as `/`; no
 * bytes above 0x7e, which RFC 3986 does not have and recipients transcode differently.
 */
export const TARGET_BYTE = table((byte) => byte > SP && byte < 0x7f && byte !== 0x23 && byte !== 0x5c);

/**
 * TARGET_BYTE with further bits for what a path is inspected for: 2 for `?`, 4 for `%` and `.`. The pass over a target
 * that checks its bytes then also tells whether anything has to be looked at again.
 */
export const TARGET_KIND = TARGET_BYTE.map((value, byte) => {
  if (byte === 0x3f) {
    return value | 2;
  }
  return byte === 0x25 || byte === 0x2e ? value | 4 : value;
});

/** Bytes of a host without its port: reg-name and IPv4 without percent-encoding and sub-delims; RFC 3986, 3.2.2. */
export const HOST_BYTE = table(
  (byte) => isAlphaNumeric(byte) || byte === 0x2d || byte === 0x2e || byte === 0x5f || byte === 0x7e,
);

/** Value of a hexadecimal digit, 255 for any other byte. */
export const HEX_VALUE = Uint8Array.from({ length: 256 }, (_, byte) => {
  const value = '0123456789abcdef'.indexOf(String.fromCharCode(byte).toLowerCase());
  return value >= 0 && isAlphaNumeric(byte) ? value : 255;
});
