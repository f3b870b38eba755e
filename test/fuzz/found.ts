/** Inputs, made as small as they go, in which fuzzing has found something: they are always tried first. */
export const FOUND: { readonly requests: readonly string[]; readonly responses: readonly string[] } = {
  requests: [],
  responses: [],
};
