/** The text of `ouro-run --help`. */
export const HELP = `Usage: ouro-run [OPTION...] [--] PROGRAM [ARGUMENT...]

Runs PROGRAM with its sockets turned into flows of Ouroboros. The program is not changed and does not
notice: same pid, same terminal, same exit status.

  ouro-run python3 -m http.server 8000     serve on this node's own name
  ouro-run curl http://localhost:8000/     ...and reach it: loopback is this node
  ouro-run --name web nginx                also accept flows for the name "web"
  ouro-run curl http://web/                ...and reach it by that name, wherever it runs

Names
  --name NAME      accept flows for NAME (may be repeated); beside it for names that
                   \`irm bind program\` gave the program, and for the node's own name
  --node NAME      name of this node, for a gateway that is started now (default: the host name)

Which sockets
  -r RULE          a rule (may be repeated); the first rule that matches decides
  --rules FILE     rules from a file, one a line; -r rules come first
  -p, --print      print the rules in force, and exit
  --check          check the rules, and the program when one is given, and exit
                   A rule is words with commas: in|out, tcp|udp, addr=ADDRESS[/PREFIX],
                   port=PORT[-PORT], program=GLOB, and what to do: flow[=NAME], pass,
                   reject[=ERRNO], blackhole. For example: -r out,tcp,port=443,pass
                   Without rules: servers, loopback, this host's addresses and names of
                   Ouroboros become flows; everything else goes to the Internet as before.

How
  -v, --verbose    say on standard error what becomes of each socket
  --no-direct      bytes between programs of this host go through the gateway, too
  --dir DIR        runtime folder (default: $OUROBOROS_DIR, else the user's own)
  --idle SECONDS   a gateway that is started now ends after so long without programs (default 600)
  --stop           end this user's gateway
  -h, --help       this text
  -V, --version    version

Exit status: that of PROGRAM; 125 when ouro-run itself failed, 126 when PROGRAM cannot be run, 127 when
there is none. See also ouro-ps(1), irm(8), and docs/rules.md.
`;
