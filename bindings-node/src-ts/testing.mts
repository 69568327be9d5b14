/// <reference types="node" preserve="true" />

// The ESM door to the same module: see tsconfig.build.json.
export * from './testing.js';
