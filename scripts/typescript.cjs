/**
 * With this Node loads TypeScript: `node --require ./scripts/typescript.cjs FILE`; commands, tests and notebooks all do. ts-node does it, and keeps what
 * became of a file (transpiler.cjs); types are for `npm run check`.
 */
const path = require('node:path');

require('ts-node').register({ transpileOnly: true, project: path.join(__dirname, '../tsconfig.json') });
