"""`probe`: what the platform's documents leave open, asked of a real account.

command    the run: ask leave, clear what an old run left, ask the questions, clear up, report
bench      what questions work with: the API, two throwaway devices, their broker
made       what was made on the account, on disk before it is made, so it is never orphaned
questions  the list of questions; the modules beside it hold their functions
report     findings as text, as JSON, and as a dialect that the sandbox can be started with
"""
