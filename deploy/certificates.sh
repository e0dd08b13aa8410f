#!/bin/sh
# Makes the certificates of a cluster with mutual TLS: an authority, and a certificate for each node.
#   sh deploy/certificates.sh FOLDER NODE...
# FOLDER/ca.pem goes to all nodes, FOLDER/NODE.pem and NODE.key to one each. FOLDER/ca.key stays at home: whoever
# has it can make nodes. Called again with other names, it makes further nodes.
set -eu
umask 077

[ $# -ge 2 ] || { echo "usage: sh $0 FOLDER NODE..." >&2; exit 2; }
folder=$1
shift
mkdir -p "$folder"
cd "$folder"

key() { openssl genpkey -quiet -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1"; }

if [ ! -e ca.key ]; then
    key ca.key
    openssl req -x509 -new -key ca.key -sha256 -days 3650 -subj "/CN=Anabranch cluster" -out ca.pem \
        -addext "basicConstraints=critical,CA:TRUE" -addext "keyUsage=critical,keyCertSign"
fi

for node in "$@"; do
    key "$node.key"
    # The DNS name is the same for all nodes: it says "a node of this cluster", wherever that node is.
    printf '%s\n' "subjectAltName=DNS:anabranch" "extendedKeyUsage=serverAuth,clientAuth" \
        "basicConstraints=critical,CA:FALSE" > "$node.ext"
    openssl req -new -key "$node.key" -subj "/CN=$node" |
        openssl x509 -req -CA ca.pem -CAkey ca.key -CAcreateserial -sha256 -days 825 -extfile "$node.ext" \
            -out "$node.pem" 2> /dev/null
    rm "$node.ext"
done
