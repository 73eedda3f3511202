import fc from 'fast-check';

// `npm test` names a seed, so that what was tried in a run that failed, or hung, can be tried again.
const { ASYNCZ_SEED: seed } = process.env;
if (seed !== undefined) fc.configureGlobal({ seed: Number(seed) });
