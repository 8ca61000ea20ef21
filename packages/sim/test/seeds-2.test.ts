import { seeds } from './seeds.js'

seeds(2)
