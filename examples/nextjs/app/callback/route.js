import { goTo, handled } from '../../lib/answer';
import { binding } from '../../lib/browser';
import { jira } from '../../lib/jira';

export const GET = handled(async (request) => {
  await jira().complete(request.url, { binding: await binding() });
  return goTo('/');
});
