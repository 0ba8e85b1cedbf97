// Reads an emulated GitHub with GitHub's own SDK, and prints what it found as one line of JSON.
// GITHUB_API_URL and GITHUB_TOKEN say where; the arguments are base, head and the number of a pull request.
import { Octokit } from "@octokit/rest";
import { sign } from "@octokit/webhooks-methods";

const [base, head, pull] = process.argv.slice(2);
const octokit = new Octokit({ baseUrl: process.env.GITHUB_API_URL, auth: process.env.GITHUB_TOKEN });
const repo = { owner: "acme", repo: "api" };
const found = {};

found.commits = (await octokit.paginate(octokit.rest.repos.listCommits, { ...repo, sha: "main", per_page: 50 })).map((c) => c.sha);
found.runs = (await octokit.paginate(octokit.rest.checks.listForRef, { ...repo, ref: head, per_page: 50 })).length;
found.combined = (await octokit.rest.repos.getCombinedStatusForRef({ ...repo, ref: head })).data.state;
const compared = (await octokit.rest.repos.compareCommitsWithBasehead({ ...repo, basehead: `${base}...${head}` })).data;
found.compared = [compared.status, compared.ahead_by, compared.behind_by, compared.commits.length];
found.branch = (await octokit.rest.repos.getBranch({ ...repo, branch: "feature/fast" })).data.commit.sha;
found.rules = (await octokit.paginate(octokit.rest.repos.getBranchRules, { ...repo, branch: "main" })).map((r) => r.type);
found.pull = (await octokit.rest.pulls.get({ ...repo, pull_number: Number(pull) })).data.title;
found.reviews = (await octokit.paginate(octokit.rest.pulls.listReviews, { ...repo, pull_number: Number(pull) })).map((r) => r.state);
found.ofCommit = (await octokit.rest.repos.listPullRequestsAssociatedWithCommit({ ...repo, commit_sha: found.branch })).data.map((p) => p.number);

const merging = await octokit.rest.repos.createDeployment({ ...repo, ref: base, required_contexts: [] });
found.merging = [merging.status, merging.data.id ?? null];
const made = (await octokit.rest.repos.createDeployment({
  ...repo, ref: base, environment: "staging", auto_merge: false, required_contexts: [],
})).data;
await octokit.rest.repos.createDeploymentStatus({ ...repo, deployment_id: made.id, state: "success" });
found.statuses = (await octokit.rest.repos.listDeploymentStatuses({ ...repo, deployment_id: made.id })).data.map((s) => s.state);

const first = await octokit.request("GET /repos/{owner}/{repo}/commits/{ref}", { ...repo, ref: head });
try {
  await octokit.request("GET /repos/{owner}/{repo}/commits/{ref}", { ...repo, ref: head, headers: { "if-none-match": first.headers.etag } });
} catch (error) {
  found.unchanged = error.status;
}
found.remaining = Number(first.headers["x-ratelimit-remaining"]) > 0;
try {
  await octokit.rest.repos.getCommit({ ...repo, ref: "nothing" });
} catch (error) {
  found.unknown = [error.status, error.message];
}
found.signature = await sign("secret", "what was sent");
console.log(JSON.stringify(found));
