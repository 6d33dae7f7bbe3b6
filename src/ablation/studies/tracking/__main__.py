"""``python -m ablation.studies.tracking URI``: make MLflow's database ready, before its interface opens it."""

import sys

from ablation import UserError
from ablation.studies.addresses import check_uri
from ablation.studies.tracking.client import connect

if __name__ == "__main__":
    try:
        connect(check_uri(sys.argv[1]))
    except UserError as error:
        sys.exit("error: " + " ".join(str(error).split()))
