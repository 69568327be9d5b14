/** @type {import('next').NextConfig} */
export default {
  // Its native half cannot be bundled; it is loaded from node_modules when the server runs.
  serverExternalPackages: ['threelo'],
};
