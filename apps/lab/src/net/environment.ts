/** A test runner puts its own modules into every Node that a test starts; what is measured here must run as users run it. */
const FOREIGN = /^(NODE_OPTIONS|_TAPJS_|TAP_|TAP$|NODE_V8_COVERAGE)/

export const environment = (more: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv => ({
  ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !FOREIGN.test(name))),
  ...more,
})
