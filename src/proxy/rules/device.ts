/** Whether a client is a mobile device, by what it says of itself. */
import type { RequestFacts } from '../split/request-facts.ts';

/** What user agents of mobile browsers have in common: "Mobi", as browsers agreed, or the names of those that do not say it. */
const MOBILE_WORDS = ['Mobi', 'Android', 'iPhone', 'iPad', 'iPod', 'Opera Mini'] as const;

export function deviceOf(facts: RequestFacts): 'mobile' | 'desktop' {
  const hint = facts.field('sec-ch-ua-mobile');
  if (hint === '?1' || hint === '?0') {
    return hint === '?1' ? 'mobile' : 'desktop';
  }
  const agent = facts.field('user-agent');
  if (agent !== null) {
    for (let i = 0; i < MOBILE_WORDS.length; i++) {
      if (agent.includes(MOBILE_WORDS[i] as string)) {
        return 'mobile';
      }
    }
  }
  return 'desktop';
}
