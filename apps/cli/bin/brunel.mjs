#!/usr/bin/env node
import { main } from '../dist/src/index.js'

// `brunel status | head` ends when head does.
process.stdout.on('error', error => process.exit(error.code === 'EPIPE' ? 0 : 1))
process.exitCode = await main(process.argv)
