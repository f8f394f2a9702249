# As faults.sh, with every call.
every=1
. "$(dirname "$0")/faults.sh"
