/// <reference types="node" preserve="true" />

// The ESM door to the same modules: see tsconfig.build.json.
export * from './index.js';
