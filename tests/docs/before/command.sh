# What lies in the folder that the commands of docs/command.md are given in.
echo notes > notes.txt
