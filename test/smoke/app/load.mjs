// Loads the subpaths that it is given and prints, for each, the names that it exports or the error that it ends with.
const outcomes = {};
for (const specifier of process.argv.slice(2)) {
  try {
    outcomes[specifier] = { names: Object.keys(await import(specifier)) };
  } catch (error) {
    outcomes[specifier] = { code: error.code, message: error.message };
  }
}
console.log(JSON.stringify(outcomes));
