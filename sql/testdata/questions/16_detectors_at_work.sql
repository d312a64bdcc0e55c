-- question: What did each detector find?
SELECT detector, detector_version, kind, count() AS findings, round(100 * median(abs(effect)), 2) AS median_percent
FROM v_findings
WHERE database = {database:String} AND suite = {suite:String}
GROUP BY detector, detector_version, kind
ORDER BY detector, detector_version, kind
