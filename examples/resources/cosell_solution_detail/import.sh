# The id is the CRM and the solution's identifier.
terraform import 'cosell_solution_detail.all["SOL-00001-AAA"]' salesforce/SOL-00001-AAA

# API names that differ from the defaults follow.
terraform import cosell_solution_detail.packaged 'salesforce/SOL-00004-DDD?object=msft__Solution_Detail__c&solution_id=msft__Solution_Id__c&publisher='
