"""What ``run_list`` does, in this process."""

from tomosplat.jobs import Outcome, Records


def run_here(cases, work, folder, options, progress):
    folder.mkdir(parents=True, exist_ok=True)
    records, done, skipped, failed = Records(folder), [], [], {}
    for case in cases:
        if records.is_done(case):
            skipped.append(case.id)
            continue
        try:
            product = work(case.payload, records.scratch(case), progress)
        except Exception as error:
            failed[case.id] = f"{type(error).__name__}: {error}"
            records.write_failure(case, {"message": failed[case.id]})
        else:
            records.publish(case, product, {})
            done.append(case.id)
    return Outcome(tuple(done), tuple(skipped), failed)
