import { goTo, handled } from '../../lib/answer';
import { makeBinding, userOf } from '../../lib/browser';
import { jira } from '../../lib/jira';

export const dynamic = 'force-dynamic';

export const GET = handled(async () => {
  const binding = await makeBinding();
  const { url } = await jira().connect(userOf(binding), { binding });
  return goTo(url);
});
