"""Prints a country's figure, and then each change of it with the events that caused it.

    python3 watch.py 127.0.0.1:50051 DE
"""

import sys

from services import connect, count_service, counts


def told(row):
    """A figure as it may be told: one number, a range, or that there is none."""
    figure = row.received
    if figure.HasField("preferred"):
        return str(figure.preferred)
    return f"{figure.low}..{figure.high}" if figure.HasField("low") else "unknown"


with connect(sys.argv[1]) as channel:
    request = counts.WatchCountryCountsRequest(countries=[sys.argv[2]])
    for update in count_service.CountServiceStub(channel).WatchCountryCounts(request):
        if update.HasField("snapshot"):
            for row in update.snapshot.counts:
                print(f"{row.country} received {told(row)}", flush=True)
            print(f"as of position {update.position}", flush=True)
        else:
            causes = ", ".join(map(str, update.change.caused_by))
            print(f"{update.change.after.country} received {told(update.change.after)}, by {causes}", flush=True)
