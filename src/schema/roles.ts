/**
 * What a caller of the admin API may do; each role includes those before it. Which route asks for which is in
 * control/admin/access-table.ts.
 */
export const ROLES = ['read', 'deploy', 'configure', 'admin'] as const;

export type Role = (typeof ROLES)[number];

/** Whether whoever has `role` may do what `needed` is asked for. */
export function hasRole(role: Role, needed: Role): boolean {
  return ROLES.indexOf(role) >= ROLES.indexOf(needed);
}
