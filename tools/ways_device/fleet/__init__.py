"""Many boards into devices, from one sheet: what is planned, done, and there.

sheet, cells   devices.csv, checked whole
survey         what the account and the journal say about its rows
book           which board gets which row
crew           the boards at work side by side
client, stop   the platform asked by all of them, and the end of the run
results        what became of each row
"""
