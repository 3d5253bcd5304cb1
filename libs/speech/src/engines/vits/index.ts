export { createVitsEngine } from './create-vits-engine';
