/**
 * A canary for the people who asked for it: members of the beta group, staff on weekdays, and never anybody who is about
 * to pay. Everybody else is drawn, 5 % of them, and stays where they are.
 *
 *     cutover run --config config/beta-by-group.ts
 */
// Where Cutover is installed as a package: from 'cutover'.
import { type Condition, defineConfig } from '../src/index.ts';

/** The application names a user's groups in a cookie: "groups=beta.staff". */
const wantsBeta: Condition = (request) => {
  if (request.path.startsWith('/checkout')) return false;
  const groups = (request.cookie('groups') ?? '').split('.');
  const day = new Date().getUTCDay();
  return groups.includes('beta') || (groups.includes('staff') && day >= 1 && day <= 5);
};

export default defineConfig({
  listeners: { web: { listen: '0.0.0.0:8080' } },
  services: {
    shop: {
      pools: {
        stable: { version: '1.4.0', targets: [{ url: 'http://127.0.0.1:3001' }] },
        canary: { version: '1.5.0', targets: [{ url: 'http://127.0.0.1:3002' }] },
      },
      split: { stable: 95, canary: 5 },
      rules: [
        { name: 'checkout', when: { path: { prefix: '/checkout' } }, pool: 'stable' },
        { name: 'beta', when: wantsBeta, pool: 'canary' },
      ],
      affinity: { key: ['cookie:uid', 'client-ip'] },
    },
  },
});
