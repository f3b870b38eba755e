/**
 * Sessions bound to a target by a cookie. The cookie's value is a keyed hash of the target's name: it says nothing
 * about the target, and nobody without the service's secret can make one that is accepted. It is looked up, not
 * parsed, so that a forged one is simply not found.
 */
import { createHmac } from 'node:crypto';

/** 132 bits in base64url. */
const TOKEN_CHARS = 22;

export function sessionToken(secret: string, service: string, targetId: string): string {
  return createHmac('sha256', secret).update(`${service}\n${targetId}`).digest('base64url').slice(0, TOKEN_CHARS);
}

/** The value of the Set-Cookie field that binds a session. */
export function sessionCookie(name: string, token: string, isSecure: boolean): string {
  return `${name}=${token}; Path=/; HttpOnly; SameSite=Lax${isSecure ? '; Secure' : ''}`;
}
