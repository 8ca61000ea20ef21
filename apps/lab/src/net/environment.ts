/**
 * Put in front of a Node program. A test runner puts its own modules into every Node that a test starts; what is measured
 * here must run as users run it.
 */
export const PLAIN_NODE: readonly string[] = ['env', '-u', 'NODE_OPTIONS', process.execPath]
