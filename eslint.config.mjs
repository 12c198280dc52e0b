/** Few rules, each for a fault that types do not catch; how code looks is prettier's business. `npm run check` runs it. */
import tseslint from 'typescript-eslint';

const common = {
  eqeqeq: 'error',
  'no-constant-binary-expression': 'error',
  'no-fallthrough': 'error',
  'no-unreachable-loop': 'error',
  'no-unsafe-finally': 'error',
  'no-var': 'error',
  'prefer-const': ['error', { destructuring: 'all' }],
};
/** What begins with _ is there for its place. */
const unused = { argsIgnorePattern: '^_', varsIgnorePattern: '^_', destructuredArrayIgnorePattern: '^_', ignoreRestSiblings: true };

export default tseslint.config(
  { ignores: ['node_modules/', '.venv/', 'datasets/', 'checkpoints/', 'figures/', '**/.ipynb_checkpoints/'] },
  {
    files: ['**/*.{mjs,cjs}'],
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    rules: { ...common, 'no-unused-vars': ['error', unused] },
  },
  {
    files: ['**/*.ts'],
    languageOptions: { parser: tseslint.parser, parserOptions: { projectService: true } },
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    plugins: { '@typescript-eslint': tseslint.plugin },
    rules: {
      ...common,
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/no-unused-vars': ['error', unused],
      '@typescript-eslint/no-floating-promises': [
        'error',
        { allowForKnownSafeCalls: [{ from: 'package', name: ['test', 'it', 'describe'], package: 'node:test' }] },
      ],
    },
  },
);
