export { bill } from './bill.js'
export { compareBill } from './compare-bill.js'
export { reconcile } from './reconcile.js'
