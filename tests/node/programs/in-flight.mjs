// Leaves a call in flight and nothing else.
import { connected } from './connect.mjs';

const client = await connected(...process.argv.slice(2).map((arg) => JSON.parse(arg)), 'user-1');
console.log('connected');
client.proxyRequest('user-1', 'GET', '/rest/api/3/myself').then(({ status }) => console.log(status));
