import { goTo, handled } from '../../lib/answer';
import { binding, userOf } from '../../lib/browser';
import { jira } from '../../lib/jira';

export const POST = handled(async () => {
  await jira().disconnect(userOf(await binding()));
  return goTo('/');
});
