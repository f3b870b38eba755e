/** How a target is chosen inside a pool. */
import { Type } from 'typebox';

export const AlgorithmSchema = Type.Enum(['round-robin', 'least-connections'], {
  description:
    'Chooses a target inside a pool. round-robin: in turn, by weight. least-connections: the one with the fewest requests per weight.',
});
