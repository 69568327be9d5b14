#!/usr/bin/env node
'use strict';
// The `threelo` command; it lives in the addon, so that nothing ships twice.
const { native } = require('../lib/native.js');

process.exitCode = native.cli(['threelo', ...process.argv.slice(2)]);
