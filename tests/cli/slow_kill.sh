# As kill.sh, with longer stages that are killed 20 times each.
kills=20 work=120
. "$(dirname "$0")/kill.sh"
