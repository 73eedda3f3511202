// As load.mjs, with require.
const outcomes = {};
for (const specifier of process.argv.slice(2)) {
  try {
    outcomes[specifier] = { names: Object.keys(require(specifier)) };
  } catch (error) {
    outcomes[specifier] = { code: error.code, message: error.message };
  }
}
console.log(JSON.stringify(outcomes));
