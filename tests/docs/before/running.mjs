// What stands before the parts of programs in docs/running.md: the options of a client.
import { Client } from 'threelo';
import { Sandbox } from 'threelo/testing';

const atlassian = new Sandbox();
const options = atlassian.options();
