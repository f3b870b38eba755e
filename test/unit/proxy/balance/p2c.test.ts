import { powerOfTwoChoices } from '../../../../src/proxy/balance/p2c.ts';
import { conformance } from './conformance.ts';

conformance('p2c', powerOfTwoChoices, { weights: 'in flight' });
